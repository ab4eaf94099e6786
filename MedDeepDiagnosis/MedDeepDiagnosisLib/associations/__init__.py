"""Which findings go together in a table of cases: associations, rules and missing data, for people to judge.

Everything here explores: it finds what may be worth a question, and proves nothing about causes.
"""
