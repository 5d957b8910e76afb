"""The shell of console, portal and public pages: layout, static files, catalogues."""
