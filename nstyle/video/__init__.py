"""Paint films: frames that follow each other, and styles that change with time."""
