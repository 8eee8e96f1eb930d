"""Outlook's archives: PST and OST files, read by libpff in a process of its own."""
