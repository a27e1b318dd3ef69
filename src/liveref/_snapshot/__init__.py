"""What a pause keeps, as columns, as signed bytes and as a file; `loading` alone runs what it reads."""
