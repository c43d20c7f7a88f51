"""What a simulated system raises to refuse a question.

It becomes an answer in that system's own dialect. It is no error of the gateway, and
no caller of the gateway ever sees its words.
"""


class RefusedError(Exception):
    """The simulated system does not understand; the message is a sentence for its client."""
