"""The programs behind `make explain`, `suggest`, `template`, `package` and `bill`."""
