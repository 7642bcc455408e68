"""The tables of an RL run."""

from sft_audit.tables.table import table

RUN = (
    table(
        "steps",
        "one number that the trainer logged",
        """
        step BIGINT the step
        metric VARCHAR the number's name among all trainers; null where it is none that we know
        name VARCHAR its name as it was logged
        value DOUBLE the number; may be NaN
        file VARCHAR the log
        """,
    ),
    table(
        "episodes",
        "one completion of the run, read",
        """
        rollout BIGINT the completion
        step BIGINT the step at which it was sampled
        group_no BIGINT its group
        reward DOUBLE what it was paid; null where the log does not say
        reading VARCHAR right or wrong, read without the reward function; unread where that is not plain
        exploits VARCHAR families of exploits that it shows, space between; empty where none
        words INTEGER words in it
        answer VARCHAR what it gives for an answer, folded; empty where none can be told
        completion VARCHAR the completion
        """,
    ),
    table(
        "series",
        "one measure of the run at one step",
        """
        measure VARCHAR the measure
        step BIGINT the step
        value DOUBLE its mean over the units of this step
        n BIGINT units: groups, completions or the step itself, as the measure says
        low DOUBLE lower end of the 95 % interval of the mean; null where there is one unit
        high DOUBLE upper end
        level DOUBLE the level that it is held against; null while the first steps settle it
        evidence DOUBLE evidence up to here that it is beyond that level
        needed DOUBLE evidence at which an alarm is given
        """,
    ),
    table(
        "alarms",
        "a measure that went beyond its level, once: at the first step that shows it",
        """
        measure VARCHAR the measure
        grade VARCHAR alarm: what RL reinforces is not what is wanted; notice: it learns less than it could
        step BIGINT the step
        first BIGINT the run's first step
        last BIGINT the run's last step that was read
        value DOUBLE mean over the steps before the alarm in which the evidence gathered, at most 20
        low DOUBLE lower end of its 95 % confidence sequence; null where it is a number a step
        high DOUBLE upper end
        start DOUBLE mean over the first steps
        level DOUBLE the level that it went beyond
        evidence DOUBLE the evidence at the alarm
        needed DOUBLE the evidence that an alarm takes
        says VARCHAR the sentence that the monitor says
        """,
    ),
    table(
        "behaviours",
        "how often one behaviour is shown at one stage",
        """
        behaviour VARCHAR the behaviour
        stage VARCHAR sft data, sft model or rl
        step BIGINT the step of rl; null before it
        k BIGINT units that show it
        n BIGINT units looked at: supervised answers, or sampled completions
        """,
    ),
    table(
        "amplifications",
        "how much more often one behaviour is shown in the last steps than before RL",
        """
        behaviour VARCHAR the behaviour
        exploit BOOLEAN whether it is a family of exploits
        about VARCHAR what it is, in words
        data_k BIGINT supervised answers that show it; null without an audit of the SFT data
        data_n BIGINT supervised answers
        before VARCHAR sft model, or first step: the run's first logged step stands for the model
        before_k BIGINT completions from before RL that show it
        before_n BIGINT completions from before RL
        before_share DOUBLE their share
        before_low DOUBLE lower end of its 95 % interval, clustered by group
        before_high DOUBLE upper end
        first BIGINT the first of the last steps
        last BIGINT the last step
        k BIGINT completions of these steps that show it
        n BIGINT completions of these steps
        share DOUBLE their share
        low DOUBLE lower end of its 95 % interval, clustered by group
        high DOUBLE upper end
        ratio DOUBLE share / before_share; null where nothing showed it before
        ratio_low DOUBLE lower end of its 95 % interval; null where the last steps chose the behaviour
        ratio_high DOUBLE upper end; null where there is none
        says VARCHAR the sentence that says all this
        """,
    ),
)
