"""Which files of a folder are the channels of a model: BIDS and other folders, DICOM studies."""
