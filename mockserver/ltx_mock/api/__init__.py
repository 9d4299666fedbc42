"""What clients call: the two endpoints, and the files of results."""
