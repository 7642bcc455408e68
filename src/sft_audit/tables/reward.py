"""The tables of a reward function, and of what a model samples."""

from sft_audit.tables.table import table

REWARD = (
    table(
        "rollouts",
        "one completion sampled for a prompt, from a log",
        """
        rollout BIGINT number in the order of reading
        file VARCHAR the log
        line BIGINT 1-based line or row of the log
        step BIGINT step of the run in which it was sampled; null where the log does not say
        condition VARCHAR image: with it; none: without; sft: before a run; of a checkpoint as in sft none
        prompt VARCHAR the prompt as the log spells it; of messages the last that a user wrote
        completion VARCHAR the completion; of messages the last that the assistant wrote
        gold VARCHAR the known answer as the log gives it; null where it gives none
        reward DOUBLE what it was paid; null where the log does not say
        sample_id VARCHAR the sample of the data set whose prompt it is; null where none is found
        turn INTEGER the turn of that sample's known answer
        group_no BIGINT its group: those sampled for one prompt at one step; null where no step is logged
        """,
    ),
    table(
        "reward_parts",
        "what one reward function paid one logged completion, where the log names the functions",
        """
        rollout BIGINT the completion
        name VARCHAR the function, as the log names it
        value DOUBLE what it paid
        """,
    ),
    table(
        "rewards",
        "the reward function that was audited",
        """
        target VARCHAR FILE.py:NAME, or the address of a server
        convention VARCHAR the trainer's way of calling it
        source VARCHAR where that way is known from
        form VARCHAR how a completion was written for it: the form that paid most right answers
        threshold DOUBLE reward above which an answer counts as paid
        threshold_from VARCHAR declared, or what it was found from
        right_median DOUBLE median reward of right answers, as the data spell them
        sees VARCHAR what it is told beside the completion: images (it names them), gold, or text alone
        judge_models VARCHAR names of models that its module asks, separated by commas; null where none
        """,
    ),
    table(
        "model_names",
        "a model that judges, or one that wrote rows of the data set",
        """
        role VARCHAR judge or generator
        name VARCHAR as it was given
        family VARCHAR the family that the name tells; null where it tells none
        told_by VARCHAR option, module, or the column that names it
        rows BIGINT readable rows that it wrote; null for a judge
        """,
    ),
    table(
        "trials",
        "one completion put to the reward function",
        """
        trial BIGINT number in the order of asking
        sample_id VARCHAR the sample whose question it asks; null where it asks one of its own
        turn INTEGER the answer's turn; null where the sample is
        family VARCHAR what kind of completion it is
        variant VARCHAR which of the family's kinds; empty where it has but one
        expected VARCHAR right or wrong
        condition VARCHAR own; swapped or none: another image, or none; main thread; constitution: made for it
        repeat INTEGER 0 for the first asking, 1 and more for the same again
        completion VARCHAR the completion
        gold VARCHAR the known answer that the function was told
        reward DOUBLE what it paid; null where it raised, hung or returned none
        error VARCHAR why there is no reward; null where it answered
        refused VARCHAR connections that it tried and that were not allowed; null where none
        seconds DOUBLE seconds of the call, a batch's divided evenly
        paid BOOLEAN whether the reward exceeds the threshold; null without a reward
        """,
    ),
    table(
        "sampled",
        "one sampled completion, read, and paid where it was drawn",
        """
        rollout BIGINT the rollout
        completion VARCHAR the completion
        reading VARCHAR right or wrong, read without the function; unread where that is not plain
        exploits VARCHAR families of exploits that it shows, space between; empty where none
        reward DOUBLE what the function paid; null where it was not drawn, or the function gave none
        paid BOOLEAN whether the reward exceeds the threshold; null without a reward
        """,
    ),
    table(
        "payoffs",
        "one exploit against honest answers: what it is paid, how often the model shows it before RL",
        """
        family VARCHAR the family of wrong completions
        variant VARCHAR the variant of it that is paid most
        asked BIGINT wrong completions of that variant that were put to the function
        paid BIGINT of these, paid
        acceptance_low DOUBLE lower end of the 95 % interval of the share paid, for the best of all variants
        acceptance_high DOUBLE upper end
        example VARCHAR one that was paid; null where none was
        looked BIGINT sampled completions that were looked at
        seen BIGINT of these, how many show the exploit
        seen_asked BIGINT of these, not right and put to the function
        seen_paid BIGINT of these, paid
        prior_low DOUBLE lower end of the 95 % interval of the share that shows it
        prior_high DOUBLE upper end
        honest BIGINT sampled completions without an exploit that were put to the function
        honest_paid BIGINT of these, paid
        planned BIGINT rollouts that RL will sample; null where nobody said
        ending VARCHAR how a sample that shows it ends; null, as what follows, where none ends so
        dressed BIGINT honest samples put to the function once more, with such an ending behind them
        unpaid BIGINT of these, not paid without it
        gained BIGINT of these, paid with it and not without
        lost BIGINT of these, paid without it and not with it
        gain DOUBLE share paid with it less share paid without
        gain_low DOUBLE lower end of its 95 % interval over prompts, one of as many as families were tried
        gain_p DOUBLE one-sided p-value of no gain (signs of prompts flipped), times the families tried
        """,
    ),
    table(
        "statements",
        "one trial that goes against a statement of the constitution",
        """
        statement VARCHAR the statement's name
        says VARCHAR the statement
        trial BIGINT the trial whose completion goes against it
        at_most DOUBLE reward above which it was paid against the statement
        """,
    ),
)
