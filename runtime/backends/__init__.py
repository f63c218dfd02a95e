"""One adapter per inference library; nothing else imports them."""
