"""Links with peers over sockets: who comes and who is reached, one connection, logins, rates, circuits (spec 01.1, 01.1.5)."""
