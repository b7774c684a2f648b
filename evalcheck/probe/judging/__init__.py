"""How far outputs are apart, and how good they are against targets."""
