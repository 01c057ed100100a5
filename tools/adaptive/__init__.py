"""Inference that adapts to the energy there is: events, supplies and policies, in an event simulator whose costs are
measured on the virtual board, and on that board itself.
"""
