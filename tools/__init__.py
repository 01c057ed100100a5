"""Tools around sparsecomp, installed as sparsecomp_tools."""
