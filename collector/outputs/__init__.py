"""Where findings go on to: workers that read the store by a cursor, one per destination."""
