"""`poml-map validate`: which model to believe, by how much, in which years, and how wide the error bars must be.

`gather` reads, `plan` says how much is done, `assess` fits and predicts, `tables` and `figures` write, `answers` says
it in words, `run` puts it together.
"""
