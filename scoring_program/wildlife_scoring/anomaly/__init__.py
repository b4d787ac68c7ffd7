"""Track `anomaly`: does a camera trap's image show what it has not seen before?"""
