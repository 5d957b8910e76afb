"""The red credit bank (红色信用银行): a double-entry book of points, its holds and its lots."""
