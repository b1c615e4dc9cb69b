import pytest

from console.shared import csv_export


def body(response) -> str:
    return b"".join(response.streaming_content).decode()


class TestRespond:
    def test_begins_with_a_byte_order_mark_and_the_header(self):
        text = body(csv_export.respond("a.csv", ["Task ID", "状态"], [[1, "完成"]]))
        assert text == "\ufeffTask ID,状态\r\n1,完成\r\n"

    def test_is_a_download_under_its_name(self):
        response = csv_export.respond("logs.csv", ["a"], [])
        assert response.headers["Content-Disposition"] == 'attachment; filename="logs.csv"'
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"

    @pytest.mark.parametrize("formula", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\tx", "\rx"])
    def test_makes_text_that_looks_like_a_formula_harmless(self, formula):
        text = body(csv_export.respond("a.csv", ["h"], [[formula]]))
        assert text.split("\r\n", 1)[1].lstrip('"').startswith("'")

    def test_leaves_numbers_and_nothing_as_they_are(self):
        assert body(csv_export.respond("a.csv", ["h"], [[-5, 1.5, None]])).endswith("\r\n-5,1.5,\r\n")

    def test_quotes_commas_and_line_breaks(self):
        assert body(csv_export.respond("a.csv", ["h"], [["a,b\nc"]])).endswith('"a,b\nc"\r\n')

    def test_reads_rows_only_while_it_is_sent(self):
        read = []

        def rows():
            for number in range(3):
                read.append(number)
                yield [number]

        response = csv_export.respond("a.csv", ["h"], rows())
        stream = (chunk for chunk in response)
        next(stream)
        assert read == []
        next(stream)
        assert read == [0]
