"""Networks, the folders they are kept in, and the models that ship with the extension."""
