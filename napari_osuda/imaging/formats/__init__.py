"""Image files of one format a module: voxels as they are stored, and the grid that their header gives."""
