"""The demo company: thirty documents, eight people, and questions with known answers."""
