"""What can be wrong with a filter."""

from enum import StrEnum


class Fault(StrEnum):
    """What can be wrong, in sentences for users; the console looks up their translations."""

    TOO_LONG = "A filter has 256 characters at most."
    UNUSABLE_CHARACTER = "A filter cannot contain line breaks, tabs or other control characters."
    TOO_LARGE = "This filter is too large. Split it over several rules."
    DANGLING_BACKSLASH = "Nothing follows this backslash."
    UNCLOSED_BRACKET = "This “[” is not closed by a “]”."

    UNCLOSED_BRACE = "This “{” is not closed by a “}”."
    STRAY_BRACE = "This “}” closes nothing. Write “\\}” for the sign itself."
    STRAY_BRACKET = "This “]” closes nothing. Write “\\]” for the sign itself."
    EMPTY_BRACES = "These braces hold no alternatives."
    EMPTY_BRACKETS = "These brackets hold no character that could match."
    BACKWARD_RANGE = "This range runs backwards."
    TOO_DEEP = "Braces can be nested 8 deep at most."
    TOO_MANY = "Written out, these alternatives make up more than 512 patterns."

    LOOK_AROUND = "Look-ahead and look-behind are not supported."
    GROUP = "This kind of group is not supported."
    ESCAPE = "This escape is not known. Back-references are not supported."
    UNCLOSED_GROUP = "This “(” is not closed by a “)”."
    STRAY_PARENTHESIS = "This “)” closes nothing."
    CHARACTER_RANGE = "This range of characters is not valid."
    NOTHING_TO_REPEAT = "There is nothing here to repeat."
    DOUBLE_REPETITION = "Two signs of repetition follow each other."
    REPETITION_SIZE = "This repetition is too large."
    REGEX = "This is not a valid regular expression."


class PatternError(ValueError):
    """A filter that cannot be used: `message` for the user, `position` of the character at fault, from 0."""

    def __init__(self, message: Fault, position: int) -> None:
        super().__init__(f"{message} (position {position + 1})")
        self.message = message
        self.position = position
