"""What a command that draws has written."""

import csv

import cv2


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def check_picture(path):
    height, width, _ = cv2.imread(str(path)).shape
    assert height > 200 and width > 200
