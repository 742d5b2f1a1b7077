"""The one safe XML parser, the charset rules, the document codec and the explanation of faults (spec 01.2)."""
