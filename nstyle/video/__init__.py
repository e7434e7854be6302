"""Moving pictures: read, painted frame by frame and written, with their times, colours and sound."""
