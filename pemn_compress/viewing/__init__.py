"""One page that shows what is inside an archive, with all its scripts in it; served, or a file."""
