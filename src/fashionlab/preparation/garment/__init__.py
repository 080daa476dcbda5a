"""The garment of a photo, found and brought into Fashion-MNIST's form: light on black, filling the frame.

`form.to_form` does it; `simulate` makes photos of pictures in that form, on which finding them again is measured.
"""
