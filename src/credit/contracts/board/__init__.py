"""What is shown of contracts: lists, one whole, performance boards, the two indicators."""
