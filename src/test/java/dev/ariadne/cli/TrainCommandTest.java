package dev.ariadne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class TrainCommandTest {
    @Test
    void namesWhatCanBeTrained() {
        StringWriter errors = new StringWriter();
        int code = new CommandLine(new Main())
                .setErr(new PrintWriter(errors))
                .execute("train", "tutor", "target/never-made");
        assertThat(code).isEqualTo(2);
        assertThat(errors.toString()).contains("tutor").contains("induction");
    }

    @Test
    void theTutorialModelHasACommandOfItsOwn() {
        StringWriter help = new StringWriter();
        int code = new CommandLine(new Main()).setOut(new PrintWriter(help)).execute("train-tutorial", "--help");
        assertThat(code).isZero();
        assertThat(help.toString()).contains("DIR").contains("--seed").contains("default: 3");
    }
}
