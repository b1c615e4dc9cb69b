"""What can be wrong with a filter."""

from enum import StrEnum


def _(sentence: str) -> str:
    """Mark a sentence for the catalogue of translations, and return it as it is: this module knows no Django."""
    return sentence


class Fault(StrEnum):
    """What can be wrong, in sentences for users; the console looks up their translations."""

    TOO_LONG = _("A filter has 256 characters at most.")
    UNUSABLE_CHARACTER = _("A filter cannot contain line breaks, tabs or other control characters.")
    TOO_LARGE = _("This filter is too large. Split it over several rules.")
    DANGLING_BACKSLASH = _("Nothing follows this backslash.")
    UNCLOSED_BRACKET = _("This “[” is not closed by a “]”.")

    UNCLOSED_BRACE = _("This “{” is not closed by a “}”.")
    STRAY_BRACE = _("This “}” closes nothing. Write “\\}” for the sign itself.")
    STRAY_BRACKET = _("This “]” closes nothing. Write “\\]” for the sign itself.")
    EMPTY_BRACES = _("These braces hold no alternatives.")
    EMPTY_BRACKETS = _("These brackets hold no character that could match.")
    BACKWARD_RANGE = _("This range runs backwards.")
    TOO_DEEP = _("Braces can be nested 8 deep at most.")
    TOO_MANY = _("Written out, these alternatives make up more than 512 patterns.")

    LOOK_AROUND = _("Look-ahead and look-behind are not supported.")
    GROUP = _("This kind of group is not supported.")
    ESCAPE = _("This escape is not known. Back-references are not supported.")
    UNCLOSED_GROUP = _("This “(” is not closed by a “)”.")
    STRAY_PARENTHESIS = _("This “)” closes nothing.")
    CHARACTER_RANGE = _("This range of characters is not valid.")
    NOTHING_TO_REPEAT = _("There is nothing here to repeat.")
    DOUBLE_REPETITION = _("Two signs of repetition follow each other.")
    REPETITION_SIZE = _("This repetition is too large.")
    REGEX = _("This is not a valid regular expression.")


class PatternError(ValueError):
    """A filter that cannot be used: `message` for the user, `position` of the character at fault, from 0."""

    def __init__(self, message: Fault, position: int) -> None:
        super().__init__(f"{message} (position {position + 1})")
        self.message = message
        self.position = position
