"""Photos from anywhere to pictures in the data's form: the garment found, light on black, filling the frame.

Takes picture files or bytes (`read`). Gives uint8 pictures such as a classifier was trained on (`garment`), and photos
simulated from such pictures (`simulate`), on which the former is measured. numpy and PIL only.
"""
