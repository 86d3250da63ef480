def estimate(*a):
    return ""
