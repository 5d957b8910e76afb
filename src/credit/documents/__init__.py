"""Documents on paper: the credit report (信用报告) as PDF, and QR codes."""
