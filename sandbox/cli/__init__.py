"""The commands `pnodes demo` and `pnodes sandbox`."""
