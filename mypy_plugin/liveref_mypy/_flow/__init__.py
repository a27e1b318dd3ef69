"""The rules that follow keys through the straight lines of a function: removed, foreign and escape."""
