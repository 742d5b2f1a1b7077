"""The running process: sockets, worker, pump, command line. The only room that meets the reactor."""
