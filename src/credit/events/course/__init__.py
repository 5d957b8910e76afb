"""The course (程序) of a bad fact: notice, answers, hearing, and what may follow when."""
