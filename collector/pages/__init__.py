"""What a person sees: server-rendered pages, usable without JavaScript."""
