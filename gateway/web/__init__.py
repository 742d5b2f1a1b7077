"""Peers over HTTP, SOAP and plain XML, both ways: the site, who is on the line, links to theirs (spec 01.3, 01.4)."""
