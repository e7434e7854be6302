"""Read and write pictures, contact sheets and animations."""
