"""Butterflies that nobody photographed: the outline of one, the colours of another.

An independent implementation of the method that the third-placed team of the HDR butterfly
challenge published as AnomalyFactory (DeepSIM and pix2pixHD lineage), written from a description
of its architecture, losses and data alone. Scripts, in order of use: prepare.py, train.py,
generate.py; contact_sheet.py and measure.py look at the result. README.md says what came of it.
"""
