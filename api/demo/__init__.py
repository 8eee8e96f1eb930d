"""The demo company: files and mail in four languages, twelve people, and questions with known answers."""
