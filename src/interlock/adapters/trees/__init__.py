"""The bare repository, scratch clones and the import between them."""
