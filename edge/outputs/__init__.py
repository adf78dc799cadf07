"""Where readings go beyond the terminal: files, a database, brokers and servers."""
