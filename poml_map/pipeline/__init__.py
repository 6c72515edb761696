"""The stages of one region in order: check, and run; and RothC at one site.

Nothing is imported here: a run at one site (`site_run`) needs neither maps nor forests (`run`).
"""
