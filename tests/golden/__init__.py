"""What the program says of some nodes, whole: files that `make golden` writes anew, to be read as a diff."""
