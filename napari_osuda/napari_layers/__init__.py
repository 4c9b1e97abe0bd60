"""What napari's own menus and the widgets share: readers, writer, samples, layers of masks."""
