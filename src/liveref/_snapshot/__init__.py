"""What a pause keeps, as columns, as signed bytes and as a file; nothing in here runs what it reads."""
