"""What a running job tells."""


def test_the_time_left_is_told_in_words(slicer_host):
    from MedDeepRegSegLib.panels.task_runner import progressText

    assert progressText(None) == "%p%"
    assert progressText(20.0) == "%p%, less than a minute left"
    assert progressText(70.0) == "%p%, about a minute left"
    assert progressText(600.0) == "%p%, about 10 minutes left"
    assert progressText(2.5 * 3600) == "%p%, about 2.5 hours left"
