//! What the user chose, kept in a file of the platform's directory.
