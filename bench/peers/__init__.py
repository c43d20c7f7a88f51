"""Other ways to answer the same questions, each as its own documentation shows it."""
